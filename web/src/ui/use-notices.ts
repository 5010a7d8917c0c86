/** Messages that come while nobody looks at the page are told by the browser, if its user wants that. */
import { useEffect, useRef } from "preact/hooks";
import type { Message } from "../../../client/src/mpim.ts";
import { isLooking, shareLooking } from "../state/looking.ts";
import { canNotify, notify } from "../state/notices.ts";
import { useHome, useShared } from "../state/use.ts";
import { isTold } from "../view/notice.ts";
import { previewOf } from "../view/preview.ts";
import { titleOf } from "./title.ts";

export function useNotices(): void {
  const shared = useShared();
  const home = useHome();
  const { chat } = home;
  const { notices } = shared.settings;
  const latest = useRef({ shared, home });
  latest.current = { shared, home };
  useEffect(() => shareLooking(chat.user), [chat]);
  useEffect(() => {
    if (!notices || !canNotify()) return undefined;
    const shown = new Map<string, { readonly notice: Notification; readonly message: Message }>();
    const close = (cid: string): void => {
      shown.get(cid)?.notice.close();
      shown.delete(cid);
    };
    const tell = async (message: Message): Promise<void> => {
      const { cid } = message;
      if (Notification.permission !== "granted" || message.mine) return;
      if (message.kind !== "system") await latest.current.home.people.arrived(message.from);
      // Not `chat.conversation`: whatever is asked for so is kept whole, for as long as the page lives.
      const conversation = chat.conversations.find((one) => one.cid === cid);
      if (conversation === undefined) return;
      if (!isTold(message, conversation, chat.user, chat.now) || (await isLooking(chat.user))) return;
      // The names of its author came sooner.
      if ((shown.get(cid)?.message.ts ?? 0) > message.ts) return;
      const { t } = latest.current.shared;
      const { name, go } = latest.current.home;
      const text = previewOf(message, t, name);
      const body = conversation.type === "group" && message.kind !== "system" ? `${name(message.from)}: ${text}` : text;
      const notice = notify(cid, titleOf(conversation, latest.current.home, t), body, () => go({ at: "chat", cid }));
      if (notice !== undefined) shown.set(cid, { notice, message });
    };
    const offs = [
      // A chat that has just been left, or closed, tells nothing.
      chat.on("message", (message) => void tell(message).catch(() => {})),
      // Read here or on another device, or recalled: nothing is left to tell.
      chat.on("conversation", ({ cid, unread }) => {
        if (unread === 0) close(cid);
      }),
      chat.on("update", ({ cid, key, recalled }) => {
        if (recalled && shown.get(cid)?.message.key === key) close(cid);
      }),
    ];
    return () => {
      for (const off of offs) off();
      for (const { notice } of shown.values()) notice.close();
    };
  }, [chat, notices]);
}
