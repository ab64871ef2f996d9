import t from 'tap'
import { testForwarding } from './create/forwarding.ts'
import { testInput } from './create/input.ts'
import { testListing } from './create/listing.ts'
import { startSetting } from './create/setting.ts'
import { testTold } from './create/told.ts'

const setting = await startSetting(t)

testListing(setting)
testForwarding(setting)
testInput(setting)
// Last, because it looks at what all of them left.
testTold(setting)
