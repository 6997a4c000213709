import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

// A plain user's PATH, and that of `su` without a dash, lacks the directories of dockerd, iptables and service tools.
const path = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].join(delimiter);
export const env = { ...process.env, PATH: path };

/** Where a program is, or undefined. */
export function which(name) {
  return path
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program to its end and returns what it printed; a failure carries that text, in `output`. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (status === 0) return resolve(output);
      const problem = new Error(`${command} ${args.join(' ')} ended with ${signal ?? `status ${status}`}.`);
      reject(Object.assign(problem, { output }));
    });
  });
}

/** Starts a program that outlives us: a session of its own, its output in a file. */
export function startDetached(command, args, log) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd: '/', detached: true, stdio: ['ignore', log, log] });
    child.on('error', reject);
    child.on('spawn', () => {
      child.unref();
      resolve(child);
    });
  });
}
