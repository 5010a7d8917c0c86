/** Signs, drawn as lines of one weight. */

const PATHS = {
  back: "m15 18-6-6 6-6",
  bell: "M6 9a6 6 0 0 1 12 0c0 6 2 7 2 7H4s2-1 2-7m4 11a2 2 0 0 0 4 0",
  bellOff: "M6 9a6 6 0 0 1 9-5m3 5c0 6 2 7 2 7H8M4 16s2-1 2-5m4 9a2 2 0 0 0 4 0M3 3l18 18",
  chat: "M4 6a3 3 0 0 1 3-3h10a3 3 0 0 1 3 3v8a3 3 0 0 1-3 3h-5l-5 4v-4a3 3 0 0 1-3-3z",
  check: "m5 12 5 5 9-10",
  clock: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  close: "M6 6l12 12M18 6 6 18",
  computer: "M5 5h14v10H5zM2 19h20",
  copy: "M9 9h10v10H9zM5 15V5h10",
  down: "M12 5v14m-6-6 6 6 6-6",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12m10-3a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
  file: "M6 3h8l4 4v14H6zM14 3v5h4",
  info: "M12 11v6m0-10v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  leave: "M10 4H5v16h5m4-4 4-4-4-4m4 4H9",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  people:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7m-7 9c0-4 3-6 7-6s7 2 7 6m1-16a3.5 3.5 0 0 1 0 7m5 9c0-3-1.5-5-4-5.7",
  phone: "M8 2.5h8a1.5 1.5 0 0 1 1.5 1.5v16a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 20V4A1.5 1.5 0 0 1 8 2.5m3 16h2",
  pin: "M9 3h6l-1 6 4 4H6l4-4zM12 13v8",
  plus: "M12 5v14M5 12h14",
  recall: "M4 9h10a5 5 0 0 1 0 10H9M4 9l4-4M4 9l4 4",
  reply: "M9 7 4 12l5 5m-5-5h9a7 7 0 0 1 7 7",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14m5 12 5 5",
  send: "M4 12 20 4l-6 16-3-7zm7 1 9-9",
  settings:
    "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6M19 12l2-1.5-2-3.5-2.4 1a7 7 0 0 0-2-1.2L14 4h-4l-.6 2.8a7 7 0 0 0-2 1.2L5 7l-2 3.5L5 12l-2 1.5L5 17l2.4-1a7 7 0 0 0 2 1.2L10 20h4l.6-2.8a7 7 0 0 0 2-1.2l2.4 1 2-3.5z",
  shield: "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.5 14.5s1.2 2 3.5 2 3.5-2 3.5-2M9 9.5v.01M15 9.5v.01",
  terminal: "M3 4h18v16H3zm4 5 3 3-3 3m5 0h5",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  up: "M12 19V5m-6 6 6-6 6 6",
  user: "M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8m-8 10c0-4.5 3.5-7 8-7s8 2.5 8 7",
  userPlus: "M10 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8m-8 10c0-4.5 3.5-7 8-7 1.5 0 3 .3 4 1m4 0v6m-3-3h6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
