import { lstatSync, realpathSync, rmSync } from 'node:fs'

/** Removes a data directory made by `startPostgres`, also where it is a link. */
export const removePostgresDirectory = (directory: string): void => {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return
  rmSync(realpathSync(directory), { recursive: true, force: true })
  rmSync(directory, { recursive: true, force: true })
}
