/** Runs one of the tools the workspace has brought along. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ROOT } from '../root.ts';

const BIN = path.join(ROOT, 'node_modules', '.bin');

/** Nothing when the tool is content, else all it said. */
export async function runTool(name: string, ...args: string[]): Promise<string[]> {
  const child = spawn(path.join(BIN, name), args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Some of the tools are scripts that call `node`: the workspace's.
    env: { ...process.env, PATH: `${BIN}${path.delimiter}${process.env['PATH']}` },
  });
  const [out, err, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  if (status === 0) return [];
  return [`${out}${err}`.trim() || `${name} ended with ${signal ?? `status ${status}`}`];
}
