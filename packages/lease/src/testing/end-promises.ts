import assert from 'node:assert/strict'
import { free, leaseMs, other, type Promises, type StoreFixture, stepsOf } from './fixture.ts'

/** What ends a row, and what brings it back. */
export const endPromises = <Material, Want, Token>(fixture: StoreFixture<Material, Want, Token>): Promises => {
  const { store, make, answerTo, textOf, wants, endLease, signIn, revoke, empty } = fixture
  const { progressOf, tokenOf, take, unchanged } = stepsOf(fixture)
  const [want] = wants
  const refreshed = async () => {
    const id = await make()
    const lease = await take(id)
    await store.finish(lease, want, answerTo(lease))
    return id
  }
  return {
    'a rejection ends the row, once, and nothing of it is handed out': async () => {
      const id = await refreshed()
      const lease = await take(id)
      assert.equal(await store.kill(lease, 'rejected'), true)
      assert.equal(await store.kill(lease, 'rejected'), false)
      const { isDead, generation, leaseMs: left } = await progressOf(id)
      assert.deepEqual([isDead, left], [true, 0])
      assert(generation > lease.generation)
      assert.equal(await tokenOf(id, want), undefined)
      assert.equal(await store.take({ ...lease, generation, attempt: 1 }, leaseMs), undefined)
    },

    'a rejection of what is no longer the refresh token ends nothing': async () => {
      const id = await make()
      const lease = await take(id)
      await signIn(id)
      await unchanged(id, async () => assert.equal(await store.kill(lease, 'rejected'), false))
    },

    'a rejection of an earlier presentation ends nothing while a later one waits': async () => {
      const id = await make()
      const earlier = await take(id)
      await endLease(id)
      await take(id, other)
      await unchanged(id, async () => assert.equal(await store.kill(earlier, 'rejected'), false))
    },

    'a sign-in puts its refresh token in the place of one that was presented, or dead': async () => {
      for (const before of [take, revoke]) {
        const id = await refreshed()
        await before(id)
        const { generation } = await progressOf(id)
        await signIn(id)
        const { generation: next, ...progress } = await progressOf(id)
        assert.deepEqual(progress, free)
        assert(next > generation)
        assert.equal(await tokenOf(id, want), undefined)
      }
    },

    'a revoked row is dead': async () => {
      const id = await refreshed()
      await revoke(id)
      assert.equal((await progressOf(id)).isDead, true)
      assert.equal(await tokenOf(id, want), undefined)
    },

    'emptying takes the tokens and leaves the refresh token': async () => {
      const id = await refreshed()
      const { generation } = await progressOf(id)
      await empty(id)
      assert.equal(await tokenOf(id, want), undefined)
      assert.equal((await progressOf(id)).generation, generation)
      assert.notEqual(textOf((await take(id)).material), '')
    }
  }
}
