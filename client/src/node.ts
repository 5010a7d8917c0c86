/** `@mpim/client/node`: what only Node has. */
export { file, fileTokens } from "./store/file.ts";
