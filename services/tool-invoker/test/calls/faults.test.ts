import t from 'tap'
import { testBreaking } from './faults/breaking.ts'
import { testLost } from './faults/lost.ts'
import { testNeighbours } from './faults/neighbours.ts'
import { testPassing } from './faults/passing.ts'
import { testServers } from './faults/servers.ts'
import { startSetting } from './faults/setting.ts'

const setting = await startSetting(t)
const { issuer, recording } = setting

t.afterEach(() => {
  issuer.behave({})
  recording.answer(() => ({ content: [] }))
})

for (const test of [testServers, testLost, testPassing, testBreaking, testNeighbours]) test(setting)
