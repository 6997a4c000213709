/** The files of a task or result as JSON. */
import { z } from 'zod';
import { ReferenceKey } from '../identifiers.ts';

const NAME = 'by its name: a relative path that stays inside its directory';

/** Files as a caller may write them: the server takes references only. */
export function filesInput() {
  return z
    .record(z.string(), z.looseObject({ reference: ReferenceKey }))
    .meta({ id: 'FilesInput', description: `Each file ${NAME}, with the reference to its bytes.` });
}

/** Files as the server prints them. */
export function filesPrinted() {
  return z
    .record(z.string(), z.object({ reference: ReferenceKey }))
    .meta({ id: 'Files', description: `Each file ${NAME}, with the reference to its bytes.` });
}
