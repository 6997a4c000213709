/**
 * What tasks print while they run, for whoever follows them: the last of each output, in pieces as their foremen sent
 * them (base64). Nothing is kept of a task that its foreman does not have any more: the result has it all.
 */
export const output = {
  number: 7,
  name: 'output',
  sqlite: `
create table output_parts (
  task integer not null references tasks on delete cascade,
  stream text not null,
  -- Which bytes of the output they are.
  begins integer not null,
  ends integer not null,
  bytes text not null,
  primary key (task, stream, begins)
) strict, without rowid;
`,
  postgres: `
create table output_parts (
  task bigint not null references tasks on delete cascade,
  stream text not null,
  begins bigint not null,
  ends bigint not null,
  bytes text not null,
  primary key (task, stream, begins)
);
`,
} as const;
