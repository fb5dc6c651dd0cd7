"""The demo town: 缤纷未来社区 in 西兴街道, Hangzhou, made the same for a day and a number, in bulk."""
