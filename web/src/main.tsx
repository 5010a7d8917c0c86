/** The web client: begins here. */
import { render } from "preact";
import { App } from "./ui/app.tsx";

const root = document.querySelector("#app");
if (root !== null) render(<App />, root);
