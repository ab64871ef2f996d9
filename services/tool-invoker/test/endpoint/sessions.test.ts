import t from 'tap'
import { testBounds } from './sessions/bounds.ts'
import { testExchanges } from './sessions/exchanges.ts'
import { testHolders } from './sessions/holders.ts'
import { testLeaving } from './sessions/leaving.ts'
import { testListening } from './sessions/listening.ts'
import { testListeningToAll } from './sessions/listening-to-all.ts'
import { testQuestions } from './sessions/questions.ts'
import { testRedis } from './sessions/redis.ts'
import { startSetting } from './sessions/setting.ts'

const setting = await startSetting(t)

for (const test of [
  testQuestions,
  testHolders,
  testExchanges,
  testListening,
  testListeningToAll,
  testLeaving,
  testBounds,
  testRedis
])
  test(setting)
