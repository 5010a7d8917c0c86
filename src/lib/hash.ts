/**
 * A fast 64-bit hash as two unsigned 32-bit halves (MurmurHash3's 32-bit mixing in two lanes with different seeds). Not for
 * secrets: who can choose the text can make two of them meet.
 */
export function hash64(text: string): [high: number, low: number] {
  let h1 = 0x9747b28c;
  let h2 = 0x3c6ef372;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    h1 = Math.imul(h1 ^ c, 0xcc9e2d51);
    h1 = (h1 << 15) | (h1 >>> 17);
    h2 = Math.imul(h2 ^ c, 0x1b873593);
    h2 = (h2 << 13) | (h2 >>> 19);
  }
  return [mix(h1 ^ text.length ^ (h2 >>> 7)), mix(h2 ^ Math.imul(h1, 0x85ebca6b))];
}

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The hash as 16 hexadecimal digits. */
export function hashHex(text: string): string {
  const [high, low] = hash64(text);
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}
