CREATE FULLTEXT INDEX `messages_tokens` ON `messages` (`tokens`);
