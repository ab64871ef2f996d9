import assert from 'node:assert/strict'
import { free, leaseMs, other, type Promises, type StoreFixture, stepsOf } from './fixture.ts'

/** What becomes of an answer. */
export const answerPromises = <Material, Want, Token>(fixture: StoreFixture<Material, Want, Token>): Promises => {
  const { store, make, answerTo, textOf, wants, endLease, signIn, revoke, empty } = fixture
  const { progressOf, tokenOf, take, unchanged } = stepsOf(fixture)
  const [want, otherWant] = wants
  return {
    'an answer brings the next generation, its refresh token, and the token for its want alone': async () => {
      const id = await make()
      const lease = await take(id)
      const answer = answerTo(lease)
      assert.equal(await store.finish(lease, want, answer), 'kept')
      const { generation, ...progress } = await progressOf(id)
      assert.equal(generation, lease.generation + 1)
      assert.deepEqual(progress, free)
      assert.deepEqual(await tokenOf(id, want), answer.token)
      assert.equal(await tokenOf(id, otherWant), undefined)
      assert.equal(await tokenOf(await make(), want), undefined, 'and of another row there is none')
      assert(answer.material)
      assert.equal(textOf((await take(id)).material), textOf(answer.material))
    },

    'an answer without a next refresh token keeps the old one': async () => {
      const id = await make()
      const lease = await take(id)
      assert.equal(await store.finish(lease, want, answerTo(lease, 'kept')), 'kept')
      const next = await take(id)
      assert.deepEqual([textOf(next.material), next.generation], [textOf(lease.material), lease.generation + 1])
    },

    'the next answer for a want takes the place of its token, and others stay': async () => {
      const id = await make()
      const tokens = []
      for (const each of [want, otherWant, want]) {
        const lease = await take(id)
        const answer = answerTo(lease)
        await store.finish(lease, each, answer)
        tokens.push(answer.token)
      }
      assert.deepEqual(await tokenOf(id, want), tokens[2])
      assert.deepEqual(await tokenOf(id, otherWant), fixture.keepsOneToken ? undefined : tokens[1])
    },

    'the same answer twice is stored once': async () => {
      const id = await make()
      const lease = await take(id)
      const answer = answerTo(lease)
      await store.finish(lease, want, answer)
      await unchanged(id, async () => assert.equal(await store.finish(lease, want, answer), 'lost'))
    },

    'an answer that comes when its lease ended counts, and the one of the next presentation then does not':
      async () => {
        const id = await make()
        const first = await take(id)
        await endLease(id)
        const second = await take(id, other)
        const answer = answerTo(first)
        assert.equal(await store.finish(first, want, answer), 'kept')
        await unchanged(id, async () => {
          assert.equal(await store.finish(second, want, answerTo(second)), 'lost')
          await store.release(second, { isCounted: false, backoffMs: leaseMs })
          assert.equal(await store.kill(second, 'rejected'), false)
        })
        assert.deepEqual(await tokenOf(id, want), answer.token)
      },

    'an answer is lost where a sign-in or a revocation came before it': async () => {
      for (const change of [signIn, revoke]) {
        const id = await make()
        const lease = await take(id)
        await change(id)
        await unchanged(id, async () => assert.equal(await store.finish(lease, want, answerTo(lease)), 'lost'))
        assert.equal(await tokenOf(id, want), undefined)
      }
    },

    'of tokens that were emptied meanwhile only the refresh token is stored': async () => {
      const id = await make()
      const lease = await take(id)
      await empty(id)
      const answer = answerTo(lease)
      assert.equal(await store.finish(lease, want, answer), 'emptied')
      assert.equal(await tokenOf(id, want), undefined)
      assert(answer.material)
      assert.equal(textOf((await take(id)).material), textOf(answer.material))
    }
  }
}
