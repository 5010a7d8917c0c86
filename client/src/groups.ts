/** Groups by HTTP: what they are, who is in them, who may what. */
import type { Http } from "./http.ts";
import type { Page, PageOptions } from "./people.ts";

/** What a member may do; PROTOCOL.md, "Groups", has the table. */
export type Role = "owner" | "admin" | "member";

/** A group's card. */
export interface Group {
  /** The conversation's id. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly announcement: string;
  /** A uid. */
  readonly owner: string;
  /** ms since the epoch. */
  readonly created: number;
  /** How many. */
  readonly members: number;
  /** `open`: whoever knows the id may join, and members may add. */
  readonly join: "open" | "invite";
  /** What a new member sees: what comes from the joining on, or everything. */
  readonly history: "join" | "all";
  /** Only owner and admins write. */
  readonly read_only: boolean;
  /** Nobody but owner and admins writes, for now. */
  readonly muted: boolean;
  readonly mode: "push" | "pull";
  /** One's own. */
  readonly role: Role;
}

/** What everybody can find of a group that is open. */
export interface FoundGroup {
  /** The conversation's id. */
  readonly id: string;
  readonly name: string;
  /** How many. */
  readonly members: number;
  /** A uid. */
  readonly owner: string;
  readonly open: boolean;
}

/** What owner and admins may change. */
export interface GroupChange {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly announcement?: string | undefined;
  readonly join?: "open" | "invite" | undefined;
  readonly history?: "join" | "all" | undefined;
  readonly read_only?: boolean | undefined;
  readonly muted?: boolean | undefined;
}

/** What a group begins with. */
export interface NewGroup extends Omit<GroupChange, "muted"> {
  readonly name: string;
  /** Uids of the others, at most 900. */
  readonly members?: readonly string[] | undefined;
}

/** One member of a group. */
export interface Member {
  /** A uid. */
  readonly user: string;
  readonly role: Role;
  /** ms since the epoch; 0: not muted. */
  readonly muted_until: number;
}

/** Groups by their ids; `Conversation` has the same for one group. */
export class Groups {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Makes a group. Throws `not_found` with `details.users` when some of the members do not exist. */
  async create(group: NewGroup): Promise<Group> {
    return one(await this.#http.call("POST /groups", { json: group, idempotent: true }));
  }

  /** One's groups, newest change first. */
  async list(options: PageOptions = {}): Promise<Page<Group>> {
    const query = { ...options };
    const { groups, next } = await this.#http.call<{ groups: Group[]; next?: string }>("GET /groups", { query });
    return { items: groups, next };
  }

  /** Groups that anybody may join and whose name begins so. */
  async search(text: string, options: PageOptions = {}): Promise<Page<FoundGroup>> {
    const query = { q: text, ...options };
    const { groups, next } = await this.#http.call<{ groups: FoundGroup[]; next?: string }>("GET /groups", { query });
    return { items: groups, next };
  }

  /** A group's card. Throws `not_member` when one is not in it, or it does not exist. */
  async get(cid: string): Promise<Group> {
    return one(await this.#http.call(`GET /groups/${cid}`));
  }

  /** Renames a group, describes it, or changes its rules. */
  async change(cid: string, change: GroupChange): Promise<Group> {
    return one(await this.#http.call(`PATCH /groups/${cid}`, { json: change }));
  }

  /** Ends a group, for all its members. */
  async dismiss(cid: string): Promise<void> {
    await this.#http.call(`DELETE /groups/${cid}`);
  }

  /** Joins a group that is open. */
  async join(cid: string): Promise<Group> {
    return one(await this.#http.call(`POST /groups/${cid}/join`, { idempotent: true }));
  }

  /** Members in the order of their uids; `cursor` is the uid after which the page begins. */
  async members(cid: string, options: PageOptions = {}): Promise<Page<Member>> {
    const query = { after: options.cursor, limit: options.limit };
    const { members, next } = await this.#http.call<{ members: Member[]; next?: string }>(
      `GET /groups/${cid}/members`,
      { query },
    );
    return { items: members, next };
  }

  /** Adds users, at most 900 at a time. */
  async add(cid: string, users: readonly string[]): Promise<Group> {
    return one(await this.#http.call(`POST /groups/${cid}/members`, { json: { users }, idempotent: true }));
  }

  /** Removes a member; oneself: leaves. */
  async remove(cid: string, uid: string): Promise<void> {
    await this.#http.call(`DELETE /groups/${cid}/members/${encodeURIComponent(uid)}`);
  }

  /** Gives a role (`owner` hands the group over), or mutes until a time in ms since the epoch (0: no longer). */
  async changeMember(
    cid: string,
    uid: string,
    change: { readonly role?: Role | undefined; readonly muted_until?: number | undefined },
  ): Promise<Member> {
    const line = `PATCH /groups/${cid}/members/${encodeURIComponent(uid)}`;
    return (await this.#http.call<{ member: Member }>(line, { json: change })).member;
  }
}

function one({ group }: { readonly group: Group }): Group {
  return group;
}
