/** Names of files and directories: kebab-case. */
import { listFiles } from './checkout.ts';

const KEBAB = /^\.?[a-z0-9]+([-.][a-z0-9]+)*$/;
/** Documents that tools and people look for by this name. */
const CAPITAL = /^[A-Z]+(\.md)?$/;
/** The original's names of a task and its result. */
const ORIGINAL = /^kolejka_(task|result)\.json$/;

export function checkFileNames(): string[] {
  return listFiles().flatMap((file) => {
    const odd = file.split('/').find((part) => ![KEBAB, CAPITAL, ORIGINAL].some((form) => form.test(part)));
    return odd === undefined ? [] : [`${file}: "${odd}" is not in kebab-case`];
  });
}
