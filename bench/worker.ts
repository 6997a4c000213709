/** What a run of a task costs over plain `docker run` of the same, and large files over `cp`. */
import path from 'node:path';
import type { Effort, Samples } from './bench.ts';
import { milliseconds, shuffle } from './chance.ts';
import { measureData } from './data.ts';
import { gatherSamples, type Gathered } from './samples.ts';
import { median } from './statistics.ts';
import { openTestedWorker } from './tested-worker.ts';
import { temporaryDirectory } from './undo.ts';
import { openWays, type Way, type Ways, WAYS } from './ways.ts';

const MIB = 1024 ** 2;
/** Rounds in a run, tasks that each of two lanes runs, bytes of the large file. */
const FULL = { rounds: 8, lane: 8, bytes: 1024 * MIB };
const QUICK = { rounds: 2, lane: 2, bytes: 8 * MIB };

export async function measureWorker({ runs, quick, say }: Effort): Promise<Samples> {
  const { rounds, lane, bytes } = quick ? QUICK : FULL;
  const directory = await temporaryDirectory();
  const worker = await openTestedWorker(directory);
  const ways = await openWays(worker, directory);
  const gathered = gatherSamples();
  // The first of each is slower: nothing of it is in memory yet.
  for (const way of WAYS) await ways[way]();
  for (let run = 1; run <= runs; run += 1) {
    say(`run ${run} of ${runs}`);
    await measureOneByOne(ways, rounds, gathered);
    await measureTwoInFlight(ways, lane, gathered);
    await measureData(worker, path.join(directory, 'data'), bytes, gathered);
  }
  return gathered.all();
}

/** Each round runs all of them once, in an order of chance, so that what else happens meets all alike. */
async function measureOneByOne(ways: Ways, rounds: number, into: Gathered): Promise<void> {
  const times = gatherSamples();
  for (let round = 0; round < rounds; round += 1) {
    for (const way of shuffle(WAYS)) {
      const ms = await milliseconds(ways[way]);
      times.add(way, ms);
      const removing = await milliseconds(ways.removed);
      if (way === 'library') times.add('library_removed', ms + removing);
    }
  }
  const medians = Object.entries(times.all()).map(([way, ms]) => [way, median(ms)] as const);
  for (const [way, ms] of medians) into.add(`${way}_ms`, ms);
  const dockerRun = median(times.of('docker_run'));
  for (const [way, ms] of medians) if (way !== 'docker_run') into.add(`${way}_over_docker_run`, ms / dockerRun);
}

async function measureTwoInFlight(ways: Ways, each: number, into: Gathered): Promise<void> {
  const rates: Partial<Record<Way, number>> = {};
  for (const way of shuffle(['docker_run', 'library'] as const)) {
    const lane = async () => {
      for (let task = 0; task < each; task += 1) await ways[way]();
    };
    const ms = await milliseconds(async () => {
      await Promise.all([lane(), lane()]);
      await ways.removed();
    });
    rates[way] = (2 * each * 1000) / ms;
  }
  const { docker_run: dockerRun = Number.NaN, library = Number.NaN } = rates;
  into.add('docker_run_per_s_2', dockerRun);
  into.add('library_per_s_2', library);
  into.add('throughput_over_docker_run_2', library / dockerRun);
}
