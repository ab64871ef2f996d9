// npm run simulate -- [--runs N] [--from SEED] | --seed SEED
import '@onbehalf/lease/simulation'
