/** The web client: begins here. */
import { render } from "preact";
import { App } from "./ui/app.tsx";

// A file that is dropped is not opened in the place of the page.
const refuse = (event: DragEvent): void => {
  if (event.dataTransfer?.types.includes("Files") === true) event.preventDefault();
};
addEventListener("dragover", refuse);
addEventListener("drop", refuse);

// Where nothing may be kept, or without TLS, the page needs the network.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/offline.js").catch(() => {});

const root = document.querySelector("#app");
if (root !== null) render(<App />, root);
