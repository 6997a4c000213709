/** From the image that a task names to the one its node shall fetch. */
import type { Task } from '@kolejka/protocol';
import { admitName, refuseLarger } from './admission.ts';
import { openRegistry, type RegistryOptions } from './registry.ts';
import type { ImageSettings } from './settings.ts';

export interface Images {
  /** Admitting a task may take minutes. */
  isSlow: boolean;
  /**
   * The task with the image as its node shall fetch it. Not for inside a transaction.
   * @param user the number of whose task it is
   * @param check what else can be wrong with the task, looked at before an image is pulled
   * @throws GridError `bad-value`, `image-refused`, `image-not-pulled`, `image-not-pushed`
   */
  admit(task: Task, user: number, check: () => Promise<unknown>): Promise<Task>;
}

/** The images by the settings: with `image_registry` through that, else as they are named. */
export async function openImages(
  options: Omit<RegistryOptions, 'settings'> & { settings: ImageSettings },
): Promise<Images> {
  const { settings } = options;
  const { image_registry: host } = settings;
  const pin =
    host === undefined
      ? undefined
      : await openRegistry({ ...options, settings: { ...settings, image_registry: host } });

  return {
    isSlow: pin !== undefined,
    async admit(task, user, check) {
      const { name, isLocal, ...reference } = admitName(task.image, settings);
      if (pin === undefined || isLocal) return { ...task, image: name };
      await check();
      const { image, sizeBytes } = await pin(name, reference, user);
      refuseLarger(name, sizeBytes, task.limits.image);
      // What it takes of a node's room for images, as the original writes it.
      return { ...task, image, limits: { ...task.limits, image: sizeBytes } };
    },
  };
}
