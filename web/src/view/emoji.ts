/** Pictures to react and to write with: those that are used most, in the order in which keyboards have them. */
export const QUICK: readonly string[] = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

export const EMOJI: readonly string[] = [
  "😀 😄 😁 😅 😂 🤣 😊 😉 😍 🥰 😘 😋 😎 🤩 🥳 🤔",
  "🤗 🙂 🙃 😏 😴 🤯 😱 😢 😭 😤 😡 🥺 😬 🙄 🤦 🤷",
  "👍 👎 👏 🙌 🙏 👋 🤝 💪 👌 ✌️ 🤞 👀 ❤️ 🧡 💚 💙",
  "💔 🔥 ✨ ⭐ 🎉 🎂 🎁 ☕ 🍻 🍕 🌈 🚀 💡 ✅ ❌ ❓",
].flatMap((line) => line.split(" "));

/** The text with something put in place of what is marked, and the caret after it. */
export function insert(
  text: string,
  { from, to }: { readonly from: number; readonly to: number },
  what: string,
): { readonly text: string; readonly caret: number } {
  return { text: text.slice(0, from) + what + text.slice(to), caret: from + what.length };
}
