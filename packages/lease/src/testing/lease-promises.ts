import assert from 'node:assert/strict'
import { free, leaseMs, one, other, type Promises, type StoreFixture, stepsOf } from './fixture.ts'

/** Who may present, and when. */
export const leasePromises = <Material, Want, Token>(fixture: StoreFixture<Material, Want, Token>): Promises => {
  const { store, make, wants, endLease } = fixture
  const { progressOf, claimOf, take, unchanged } = stepsOf(fixture)
  return {
    'a new row is free, and one that is not there is undefined': async () => {
      const { generation, ...progress } = await progressOf(await make())
      assert(generation > 0)
      assert.deepEqual(progress, free)
      assert.equal(await store.look(other, wants[0]), undefined)
    },

    'of many that claim at once one gets the lease': async () => {
      const id = await make()
      const claims = await Promise.all([one, other, one, other, one].map((owner) => claimOf(id, owner)))
      const leases = (await Promise.all(claims.map((claim) => store.take(claim, leaseMs)))).filter(Boolean)
      assert.equal(leases.length, 1)
      const { attempt, owner, leaseMs: left } = await progressOf(id)
      assert.deepEqual([attempt, owner], [1, leases[0]?.owner])
      assert(left > leaseMs / 2 && left <= leaseMs)
    },

    'a claim for another generation or another count of presentations gets nothing': async () => {
      const id = await make()
      const claim = await claimOf(id)
      await unchanged(id, async () => {
        assert.equal(await store.take({ ...claim, generation: claim.generation + 1 }, leaseMs), undefined)
        assert.equal(await store.take({ ...claim, generation: claim.generation - 1 }, leaseMs), undefined)
        assert.equal(await store.take({ ...claim, attempt: 2 }, leaseMs), undefined)
      })
    },

    'while a lease runs nobody takes it, and when it ended the presentation stays counted': async () => {
      const id = await make()
      const lease = await take(id)
      await unchanged(id, async () => {
        assert.equal(await store.take({ ...lease, owner: other, attempt: 2 }, leaseMs), undefined)
        assert.equal(await store.take({ ...lease, attempt: 2 }, leaseMs), undefined)
      })
      await endLease(id)
      assert.equal(await store.take({ ...lease, owner: other }, leaseMs), undefined, 'it was presented once')
      assert.equal((await take(id, other)).attempt, 2)
    },

    'a lease that is given back leaves nothing': async () => {
      const id = await make()
      await store.release(await take(id), { isCounted: false, backoffMs: 0 })
      const { generation: _, ...progress } = await progressOf(id)
      assert.deepEqual(progress, free)
    },

    'while it backs off nobody takes it, also who looked before': async () => {
      const id = await make()
      const claim = await claimOf(id, other)
      await store.release(await take(id), { isCounted: false, backoffMs: leaseMs })
      const { backoffMs, leaseMs: left, attempt, owner } = await progressOf(id)
      assert(backoffMs > leaseMs / 2 && backoffMs <= leaseMs)
      assert.deepEqual([left, attempt, owner], [0, 0, null])
      assert.equal(await store.take(claim, leaseMs), undefined)
    },

    'what was counted stays counted, with nobody left to be asked': async () => {
      const id = await make()
      await store.release(await take(id), { isCounted: true, backoffMs: 0 })
      const { generation: _, ...progress } = await progressOf(id)
      assert.deepEqual(progress, { ...free, attempt: 1 })
    },

    "an earlier or another process's claim gives nothing back": async () => {
      const id = await make()
      const earlier = await take(id)
      await endLease(id)
      const lease = await take(id, other)
      await unchanged(id, async () => {
        await store.release(earlier, { isCounted: false, backoffMs: leaseMs })
        await store.release({ ...lease, owner: one }, { isCounted: false, backoffMs: leaseMs })
        await store.release({ ...lease, generation: lease.generation + 1 }, { isCounted: false, backoffMs: leaseMs })
      })
      assert((await progressOf(id)).leaseMs > 0)
    }
  }
}
