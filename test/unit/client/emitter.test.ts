/** Who hears an event: whoever listened when it was told, and still does. */
import { expect, test } from "vitest";
import { Emitter } from "../../../client/src/emitter.ts";

class Told extends Emitter<{ event: number }> {
  tell(event: number): void {
    this.emit("event", event);
  }
}

test("who begins to listen during an event hears the next one, so `once` may be said again in its own listener", () => {
  const told = new Told();
  const heard: number[] = [];
  const arm = (): void => {
    told.once("event", (event) => {
      heard.push(event);
      // Without this a listener that hears its own event would never end.
      if (heard.length < 10) arm();
    });
  };
  arm();
  told.tell(1);
  expect(heard).toEqual([1]);
  told.tell(2);
  expect(heard).toEqual([1, 2]);
});

test("who ends listening during an event does not hear it any more", () => {
  const told = new Told();
  const heard: string[] = [];
  told.on("event", () => {
    heard.push("first");
    off();
  });
  const off = told.on("event", () => heard.push("second"));
  told.on("event", () => heard.push("third"));
  told.tell(1);
  expect(heard).toEqual(["first", "third"]);
});
