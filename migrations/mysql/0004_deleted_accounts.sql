ALTER TABLE `users` ADD `deleted_ms` bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `logins_uid` ON `logins` (`uid`);