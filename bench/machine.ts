/** The machine that was measured, in one line: a figure says nothing without it. */
import { statfs } from 'node:fs/promises';
import { cpus, release, tmpdir, totalmem } from 'node:os';

/** Types of file systems, `man 2 statfs`. */
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x5846_5342, 'xfs'],
  [0x9123_683e, 'btrfs'],
  [0x794c_7630, 'overlay'],
  [0x0102_1994, 'tmpfs (memory, not a disk)'],
]);

export async function describeMachine(): Promise<string> {
  const all = cpus();
  const { type } = await statfs(tmpdir());
  const parts = [
    `${all.length} CPUs ${all[0]?.model.trim() ?? ''}`.trim(),
    `${Math.round(totalmem() / 1024 ** 3)} GiB`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    `data on ${FILE_SYSTEMS.get(type) ?? `file system ${type.toString(16)}`}`,
  ];
  return parts.join(', ');
}
