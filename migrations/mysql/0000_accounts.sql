CREATE TABLE `claims` (
	`key` varbinary(128) NOT NULL,
	`request` varbinary(128) NOT NULL,
	`outcome` varbinary(128) NOT NULL,
	`expires_ms` bigint NOT NULL,
	CONSTRAINT `claims_key_pk` PRIMARY KEY(`key`)
);
--> statement-breakpoint
CREATE TABLE `logins` (
	`id` varbinary(64) NOT NULL,
	`uid` varbinary(64) NOT NULL,
	`family` varbinary(128) NOT NULL,
	`current` varbinary(128) NOT NULL,
	`expires_ms` bigint NOT NULL,
	CONSTRAINT `logins_id_pk` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` varbinary(64) NOT NULL,
	`username` varbinary(128),
	`name` varchar(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`name_key` varbinary(2400) NOT NULL,
	`avatar` varchar(2048) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`password` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`created_ms` bigint NOT NULL,
	`updated_ms` bigint NOT NULL,
	CONSTRAINT `users_id_pk` PRIMARY KEY(`id`),
	CONSTRAINT `users_username` UNIQUE(`username`)
);
--> statement-breakpoint
CREATE INDEX `claims_expires` ON `claims` (`expires_ms`);--> statement-breakpoint
CREATE INDEX `logins_expires` ON `logins` (`expires_ms`);--> statement-breakpoint
CREATE INDEX `users_name_key` ON `users` (`name_key`,`id`);