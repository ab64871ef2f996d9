/** A secret as it may be shown: over 6 characters the first and last 2 with stars between, otherwise all stars. */
export const mask = (value: string): string => {
  const characters = [...value]
  if (characters.length <= 6) return '*'.repeat(characters.length)
  return [...characters.slice(0, 2), '*'.repeat(characters.length - 4), ...characters.slice(-2)].join('')
}

/** Whether what was written back is only the mask of the stored value, which then stays. */
export const isMaskOf = (candidate: string, stored: string): boolean => candidate === mask(stored)
