/** The browser's own notifications. */

/** Some browsers have none, or only for pages that are installed. */
export function canNotify(): boolean {
  return "Notification" in globalThis && isSecureContext;
}

/** Whether its user lets this page notify; asks them when they have not said. */
export async function mayNotify(): Promise<boolean> {
  if (!canNotify()) return false;
  const said = Notification.permission;
  return (said === "default" ? await Notification.requestPermission() : said) === "granted";
}

/** One of each chat is there at a time, the newest. `onClick`: its user wants to see the chat. */
export function notify(cid: string, title: string, body: string, onClick: () => void): Notification | undefined {
  try {
    const notice = new Notification(title, { body, tag: `mpim:${cid}`, icon: "/icon.svg" });
    notice.addEventListener("click", () => {
      window.focus();
      notice.close();
      onClick();
    });
    return notice;
  } catch {
    // A phone's browser has the name, but refuses.
    return undefined;
  }
}
