import test from 'ava';
import { GroupFiles } from '../../src/cgroup/group-files.ts';
import { isBesideUnified, pressure, v1CpuTime, v1Io, v2Io } from '../../src/cgroup/stat-files.ts';

/** The files of `/top/group` in every hierarchy, by their path below the mount, as this text. */
function filesWith(texts: Record<string, string>): GroupFiles {
  return new GroupFiles(
    (hierarchy) => `/${hierarchy}/top/group`,
    (file) => texts[file],
  );
}

const BYTES = 'blkio.throttle.io_service_bytes_recursive';
const NOTHING = 'Total 0';
const TWO_DEVICES =
  '8:0 Read 4096\n8:0 Write 100\n8:0 Total 4196\n253:0 Read 1\n253:0 Write 20\n253:0 Total 21\nTotal 4217';

test('bytes on v1 are those of all devices', (t) => {
  const files = filesWith({ [`/blkio/top/group/${BYTES}`]: TWO_DEVICES });
  t.is(v1Io(files, 'bytes', 'Read'), 4097);
  t.is(v1Io(files, 'bytes', 'Write'), 120);
});

test('no bytes on v1 are 0 where the kernel counts for a group above, and absent where it counts for none', (t) => {
  const own = { [`/blkio/top/group/${BYTES}`]: NOTHING, [`/blkio/top/${BYTES}`]: NOTHING };
  t.is(v1Io(filesWith({ ...own, [`/blkio/${BYTES}`]: TWO_DEVICES }), 'bytes', 'Read'), 0);
  t.is(v1Io(filesWith({ ...own, [`/blkio/${BYTES}`]: NOTHING }), 'bytes', 'Read'), undefined);
  t.is(v1Io(filesWith({}), 'bytes', 'Read'), undefined);
});

test('bytes on v2 are those of all devices, of which some say nothing yet', (t) => {
  const text = '8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n253:1 \n253:0 rbytes=1 wbytes=20 rios=1 wios=2';
  const files = filesWith({ '/io/top/group/io.stat': text });
  t.deepEqual(
    ['rbytes', 'wbytes', 'rios', 'wios'].map((key) => v2Io(files, key)),
    [4097, 20, 2, 2],
  );
  t.is(v2Io(filesWith({ '/io/top/group/io.stat': '' }), 'rbytes'), 0);
  t.is(v2Io(filesWith({}), 'rbytes'), undefined);
});

test('user and system time on v1 are the exact total, divided as the ticks were', (t) => {
  const cpu = (texts: Record<string, string>) =>
    filesWith(
      Object.fromEntries(Object.entries(texts).map(([name, text]) => [`/cpuacct/top/group/cpuacct.${name}`, text])),
    );
  const seen = cpu({ usage: '1000000000', usage_user: '300000000', usage_sys: '100000000' });
  t.is(v1CpuTime(seen, 'user'), 750);
  t.is(v1CpuTime(seen, 'system'), 250);
  const unseen = cpu({ usage: '1000000', usage_user: '0', usage_sys: '0' });
  t.is(v1CpuTime(unseen, 'user'), 1);
  t.is(v1CpuTime(unseen, 'system'), 0);
  const old = cpu({ usage: '1000000000', stat: 'user 30\nsystem 10' });
  t.is(v1CpuTime(old, 'user'), 750);
  t.is(v1CpuTime(cpu({ usage: '1' }), 'user'), undefined);
});

test('pressure is the total of its line, in milliseconds', (t) => {
  const text = 'some avg10=0.00 avg60=1.00 avg300=0.00 total=16207\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12079';
  const files = filesWith({ '/cpu/top/group/cpu.pressure': text });
  t.is(pressure(files, 'cpu', 'some'), 16.207);
  t.is(pressure(files, 'cpu', 'full'), 12.079);
  t.is(pressure(files, 'io', 'some'), undefined);
});

test('what the hierarchy of v2 says of a group that runs outside of it is not taken', (t) => {
  const group = (unified: string) =>
    filesWith({ '/cpuacct/top/group/cpuacct.usage': '5000', '/unified/top/group/cpu.stat': `usage_usec ${unified}` });
  t.true(isBesideUnified(group('0')));
  t.false(isBesideUnified(group('4')));
});
