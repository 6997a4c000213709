/**
 * Calls to the receivers that tasks name in `callback_url`: one row from the moment the task is put until it is known
 * what became of the call. `due_ms` is null until the task has ended.
 *
 * Taking a row puts `due_ms` off, which is all the claim there is: a server that dies lets it come due again.
 */
export const callbacks = {
  number: 5,
  name: 'callbacks',
  sqlite: `
create table callbacks (
  task integer primary key references tasks on delete cascade,
  host text not null,
  tries integer not null default 0,
  due_ms integer
) strict;
create index callbacks_by_host on callbacks (host, due_ms) where due_ms is not null;
create index callbacks_by_due on callbacks (due_ms) where due_ms is not null;
`,
  postgres: `
create table callbacks (
  task bigint primary key references tasks on delete cascade,
  host text not null,
  tries bigint not null default 0,
  due_ms bigint
);
create index callbacks_by_host on callbacks (host, due_ms) where due_ms is not null;
create index callbacks_by_due on callbacks (due_ms) where due_ms is not null;
`,
} as const;
