import t from 'tap'
import { testCallers } from './requests/callers.ts'
import { testJoinedLists } from './requests/joined-lists.ts'
import { testNames } from './requests/names.ts'
import { testOffers } from './requests/offers.ts'
import { testProtocol } from './requests/protocol.ts'
import { testRecords } from './requests/records.ts'
import { startSetting } from './requests/setting.ts'
import { testState } from './requests/state.ts'
import { testStreams } from './requests/streams.ts'

const setting = await startSetting(t)
const { issuer, recording } = setting

t.afterEach(() => {
  issuer.behave({})
  recording.answer(({ arguments: given }) => ({ content: [{ type: 'text', text: JSON.stringify(given) }] }))
})

for (const test of [
  testNames,
  testOffers,
  testJoinedLists,
  testProtocol,
  testCallers,
  testRecords,
  testState,
  testStreams
])
  test(setting)
