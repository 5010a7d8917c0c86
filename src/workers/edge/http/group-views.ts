/** What the API shows of groups, their members, and who has which entry. */
import { z } from "@hono/zod-openapi";
import type { GroupCard, MemberView } from "../../../durable-objects/group-rpc.ts";
import { Uid } from "../../../protocol/ids.ts";
import type { ListedGroup as Listed } from "../../../store/directory.ts";
import { GroupId } from "../group-rules.ts";
import { Next, UidParam } from "./views.ts";

export const GroupParam = z.object({ cid: GroupId });
export const MemberParam = z.object({ ...GroupParam.shape, ...UidParam.shape });

export const Role = z.enum(["owner", "admin", "member"]);

const count = z.number().int().min(0);

/** Checks nothing at runtime; the compiler checks that it says what an object answers. */
export const Group = z
  .object({
    id: GroupId,
    name: z.string(),
    description: z.string(),
    announcement: z.string(),
    owner: Uid,
    created: count.openapi({ description: "ms since the epoch." }),
    members: count,
    join: z.enum(["open", "invite"]),
    history: z.enum(["join", "all"]).openapi({ description: "What a new member sees: from the joining on, or all." }),
    read_only: z.boolean().openapi({ description: "Only owner and admins write." }),
    muted: z.boolean().openapi({ description: "Nobody but owner and admins writes, for now." }),
    mode: z.enum(["push", "pull"]),
    role: Role.openapi({ description: "One's own." }),
  })
  .openapi("Group") satisfies z.ZodType<GroupCard>;

export const OneGroup = z.object({ group: Group });
export const GroupPage = z.object({ groups: z.array(Group), next: Next }).openapi("GroupPage");

/** A group as everybody finds it. */
export const ListedGroup = z
  .object({ id: GroupId, name: z.string(), members: count, owner: Uid, open: z.boolean() })
  .openapi("ListedGroup");
export const DirectoryPage = z.object({ groups: z.array(ListedGroup), next: Next }).openapi("DirectoryPage");

/** What is shown of a group in the directory. */
export function listedGroup({ id, name, members, owner, open }: Listed): z.infer<typeof ListedGroup> {
  return { id, name, members, owner, open };
}

export const Member = z
  .object({
    user: Uid,
    role: Role,
    muted_until: count.openapi({ description: "ms since the epoch; 0: not muted." }),
  })
  .openapi("Member") satisfies z.ZodType<MemberView>;

/** `next` is the `after` of the next page. */
export const MemberPage = z.object({ members: z.array(Member), next: Uid.optional() }).openapi("MemberPage");

export const Receipts = z
  .object({ delivered: count, read: count, members: count.openapi({ description: "The others, who may see it." }) })
  .openapi("Receipts");
export const ReceiptPage = z.object({ users: z.array(Uid), next: Uid.optional() }).openapi("ReceiptPage");

export const After = Uid.optional().openapi({ description: "`next` of the page before." });
