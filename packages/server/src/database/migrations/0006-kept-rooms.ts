/** Which foreman keeps its room for a task that needs more of its node than is free: a row for each such task. */
export const keptRooms = {
  number: 6,
  name: 'kept-rooms',
  sqlite: `
create table kept_rooms (
  task integer primary key references tasks on delete cascade,
  holder integer not null references users on delete cascade,
  foreman text not null,
  until_ms integer not null,
  -- When it asked last.
  seen_ms integer not null
) strict;
`,
  postgres: `
create table kept_rooms (
  task bigint primary key references tasks on delete cascade,
  holder bigint not null references users on delete cascade,
  foreman text not null,
  until_ms bigint not null,
  seen_ms bigint not null
);
`,
} as const;
