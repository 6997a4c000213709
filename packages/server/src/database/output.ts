/** The last of what tasks that run have printed. */
import { KEPT_OUTPUT_BYTES, type OutputPart } from '@kolejka/protocol';
import type { Connection } from './store.ts';

interface Row {
  stream: OutputPart['stream'];
  begins: number;
  bytes: string;
}

/** Keeps a part, and of its output no more than is to be kept. The same part again changes nothing. */
export async function keepOutput(db: Connection, task: number, { stream, at, bytes }: OutputPart): Promise<void> {
  const ends = at + Buffer.byteLength(bytes, 'base64');
  await db.run(
    `insert into output_parts (task, stream, begins, ends, bytes) values (:task, :stream, :at, :ends, :bytes)
     on conflict (task, stream, begins) do nothing`,
    { task, stream, at, ends, bytes },
  );
  await db.run('delete from output_parts where task = :task and stream = :stream and ends <= :old', {
    task,
    stream,
    old: ends - KEPT_OUTPUT_BYTES,
  });
}

/** What is kept beyond the bytes that somebody has, one part for each output. */
export async function readOutput(
  db: Connection,
  task: number,
  seen: Record<OutputPart['stream'], number>,
): Promise<OutputPart[]> {
  const rows = await db.all<Row>(
    `select stream, begins, bytes from output_parts where task = :task
       and ((stream = 'stdout' and ends > :stdout) or (stream = 'stderr' and ends > :stderr)) order by stream, begins`,
    { task, stdout: seen.stdout, stderr: seen.stderr },
  );
  return (['stdout', 'stderr'] as const).flatMap((stream) => joined(stream, rows, seen[stream]) ?? []);
}

/** Where parts are missing in between, for they came too late, what comes after the gap counts. */
function joined(stream: OutputPart['stream'], rows: readonly Row[], seen: number): OutputPart | undefined {
  let [at, bytes] = [seen, Buffer.alloc(0)];
  for (const row of rows) {
    if (row.stream !== stream) continue;
    const part = Buffer.from(row.bytes, 'base64');
    const end = at + bytes.length;
    if (row.begins > end) [at, bytes] = [row.begins, part];
    else bytes = Buffer.concat([bytes, part.subarray(end - row.begins)]);
  }
  if (bytes.length === 0) return undefined;
  const kept = bytes.subarray(Math.max(0, bytes.length - KEPT_OUTPUT_BYTES));
  return { stream, at: at + bytes.length - kept.length, bytes: kept.toString('base64') };
}

/** Forgets what a task has printed: its foreman does not have it any more. */
export async function dropOutput(db: Connection, task: number): Promise<void> {
  await db.run('delete from output_parts where task = :task', { task });
}
