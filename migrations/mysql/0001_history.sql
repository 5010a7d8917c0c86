CREATE TABLE `contacts` (
	`uid` varbinary(64) NOT NULL,
	`peer` varbinary(64) NOT NULL,
	`state` varbinary(16) NOT NULL,
	`message` varchar(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`since_ms` bigint NOT NULL,
	`version` bigint NOT NULL,
	CONSTRAINT `contacts_uid_peer_pk` PRIMARY KEY(`uid`,`peer`)
);
--> statement-breakpoint
CREATE TABLE `groups_directory` (
	`id` varbinary(136) NOT NULL,
	`name` varchar(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`name_key` varbinary(2400) NOT NULL,
	`owner` varbinary(64) NOT NULL,
	`members` bigint NOT NULL,
	`open` bigint NOT NULL,
	`dismissed` bigint NOT NULL,
	`version` bigint NOT NULL,
	CONSTRAINT `groups_directory_id_pk` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `messages` (
	`cid` varbinary(136) NOT NULL,
	`seq` bigint NOT NULL,
	`id` varbinary(64) NOT NULL,
	`sender` varbinary(64) NOT NULL,
	`ts_ms` bigint NOT NULL,
	`kind` varbinary(16) NOT NULL,
	`priority` bigint NOT NULL,
	`count` bigint NOT NULL,
	`body` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`extra` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`amended` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`tokens` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`rev` bigint NOT NULL,
	CONSTRAINT `messages_cid_seq_pk` PRIMARY KEY(`cid`,`seq`)
);
--> statement-breakpoint
CREATE INDEX `groups_name_key` ON `groups_directory` (`name_key`,`id`);