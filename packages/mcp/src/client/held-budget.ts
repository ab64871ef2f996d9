/** How many bytes of large answers are held at once, over all calls. */
export type HeldBudget = {
  /** Takes so many for a holder, or gives them back where it is less than none; false where they may not have so many. */
  take: (bytes: number, holder: string) => boolean
}

/** Of one answer this much is not counted: all answers together that are smaller take less than their calls do. */
export const uncountedBytesMax = 64 * 1024

/** A holder has three times of what is left for others at most, so that none has all, nor have two together. */
const timesLeftMax = 3

export const createHeldBudget = (bytesMax: number): HeldBudget => {
  let left = bytesMax
  const taken = new Map<string, number>()
  return {
    take: (bytes, holder) => {
      const theirs = (taken.get(holder) ?? 0) + bytes
      if (bytes > 0 && theirs > (left - bytes) * timesLeftMax) return false
      left -= bytes
      if (theirs === 0) taken.delete(holder)
      else taken.set(holder, theirs)
      return true
    }
  }
}

/** What one answer takes of the budget. */
export class HeldRoom {
  private readonly budget: HeldBudget
  private readonly holder: string
  private bytes = 0

  constructor(budget: HeldBudget, holder: string) {
    this.budget = budget
    this.holder = holder
  }

  /** So many bytes are held, or shall be; false where there is no room for them. Then it takes none, so that others have room. */
  resize(bytes: number): boolean {
    const counted = bytes > uncountedBytesMax ? bytes : 0
    const hasRoom = this.budget.take(counted - this.bytes, this.holder)
    if (!hasRoom) this.budget.take(-this.bytes, this.holder)
    this.bytes = hasRoom ? counted : 0
    return hasRoom
  }
}
