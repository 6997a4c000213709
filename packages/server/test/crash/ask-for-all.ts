/** Is everything there that was promised? Asked of the server, as a client would. */
import { hash } from 'node:crypto';
import type { Line, Reply } from './line.ts';
import type { Told } from './told.ts';

/** Requests under way at one time. */
const AT_ONCE = 16;

/** A sentence for each answer that is not what it was. @param token of one who may see everything */
export async function askForAll(line: Line, told: Told, token: string): Promise<string[]> {
  const wrong: string[] = [];
  const asks = expectations(told).values();
  const askOn = async () => {
    for (const { path, isRight } of asks) {
      const reply = await line.insist(path, { token });
      if (!isRight(reply)) wrong.push(`${path} is answered with ${reply.said}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  return wrong;
}

interface Expectation {
  path: string;
  /** The load goes on meanwhile: what it has made doubtful since is right in any case. */
  isRight: (reply: Reply) => boolean;
}

function expectations(told: Told): Expectation[] {
  const isDoubtful = told.doubtful;
  return [
    ...[...told.references].map(([key, blob]) => ({
      path: `/blob/reference/${key}/`,
      isRight: ({ bytes }: Reply) => !told.references.has(key) || hash('sha256', bytes) === blob,
    })),
    ...[...told.tasks].map(([id, body]) => ({
      path: `/task/task/${id}/`,
      isRight: ({ json }: Reply) => isDoubtful.has(id) || JSON.stringify(json['task']) === body,
    })),
    ...[...told.results].map(([id, { body }]) => ({
      path: `/task/result/${id}/`,
      isRight: ({ json }: Reply) => isDoubtful.has(id) || JSON.stringify(json['result']) === body,
    })),
    ...[...told.gone.tasks].map((id) => ({
      path: `/task/task/${id}/`,
      isRight: ({ status }: Reply) => status === 404,
    })),
  ];
}
