CREATE TABLE `contacts` (
	`uid` text NOT NULL,
	`peer` text NOT NULL,
	`state` text NOT NULL,
	`message` text NOT NULL,
	`since_ms` integer NOT NULL,
	`version` integer NOT NULL,
	PRIMARY KEY(`uid`, `peer`)
);
--> statement-breakpoint
CREATE TABLE `groups_directory` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`name_key` text NOT NULL,
	`owner` text NOT NULL,
	`members` integer NOT NULL,
	`open` integer NOT NULL,
	`dismissed` integer NOT NULL,
	`version` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `groups_name_key` ON `groups_directory` (`name_key`,`id`);--> statement-breakpoint
CREATE TABLE `messages` (
	`place` integer PRIMARY KEY NOT NULL,
	`cid` text NOT NULL,
	`seq` integer NOT NULL,
	`id` text NOT NULL,
	`sender` text NOT NULL,
	`ts_ms` integer NOT NULL,
	`kind` text NOT NULL,
	`priority` integer NOT NULL,
	`count` integer NOT NULL,
	`body` text NOT NULL,
	`extra` text NOT NULL,
	`amended` text NOT NULL,
	`rev` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `messages_cid_seq` ON `messages` (`cid`,`seq`);