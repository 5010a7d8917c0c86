CREATE TABLE `claims` (
	`key` text PRIMARY KEY NOT NULL,
	`request` text NOT NULL,
	`outcome` text NOT NULL,
	`expires_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `claims_expires` ON `claims` (`expires_ms`);--> statement-breakpoint
CREATE TABLE `logins` (
	`id` text PRIMARY KEY NOT NULL,
	`uid` text NOT NULL,
	`family` text NOT NULL,
	`current` text NOT NULL,
	`expires_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `logins_expires` ON `logins` (`expires_ms`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`username` text,
	`name` text NOT NULL,
	`name_key` text NOT NULL,
	`avatar` text,
	`password` text,
	`created_ms` integer NOT NULL,
	`updated_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_username` ON `users` (`username`);--> statement-breakpoint
CREATE INDEX `users_name_key` ON `users` (`name_key`,`id`);