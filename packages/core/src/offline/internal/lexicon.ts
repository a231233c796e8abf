import { stem } from "./words.ts"

const set = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/))

/**
 * English function words and polite fillers: they say nothing about which tool fits.
 *
 * @internal
 */
export const stopWords = set(`
  a about after again all also am an and any anybody anyone anything are as at back be because been before being between both but by
  can cannot could did do does doing done down during each either else every everything few for from further give given gives go
  going got had happen happened happening happens has have having he hello help her here hers hi him his how i if in into is it its
  itself just kindly know let lets like ll look me mine more most much must my need needs neither no nor not nothing now of off ok on
  once one only onto or other our ours out over own per please quite re really right s same she should show since so some somebody
  someone something still such t tell than thank thanks that the their theirs them then there these they thing things this those
  through to too under until up upon us use used using very via want wants was way we well were what when where whether which while
  who whom whose why will with within without would yes yet you your yours d m ve don doesn didn isn aren wasn weren won`)

/**
 * Verbs that ask for information. They tell tools of one subject apart, but match too many tools to decide alone.
 *
 * @internal
 */
export const readingVerbs = set(`
  analyse analyze browse calculate check compare compute convert count describe diff display download evaluate examine explain enumerate
  fetch find get grep head inspect list load locate lookup monitor open parse ping preview query read report resolve retrieve scan search show
  stat summarise summarize tail test validate verify view watch`)

const readingGroups = [
  "list enumerate browse",
  "search find grep locate scan lookup",
  "read open view",
  "get fetch retrieve load lookup show",
  "check inspect examine verify validate test monitor",
  "compare diff",
  "calculate compute evaluate",
  "describe explain"
].map((group) => group.split(" "))

/**
 * The verbs that ask for the same as a reading verb, itself left out.
 *
 * @internal
 */
export const similarVerbs = (verb: string): ReadonlyArray<string> =>
  readingGroups.filter((group) => group.includes(verb)).flat().filter((other) => other !== verb)

/**
 * Stems of verbs that say where something is to be found ("which x mention y").
 *
 * @internal
 */
export const mentioningStems: ReadonlySet<string> = new Set(
  "mention contain refer reference occur appear define use used uses say says said".split(" ").map(stem)
)

/**
 * Stems of words that ask for what is in a thing ("what does x say").
 *
 * @internal
 */
export const contentStems: ReadonlySet<string> = new Set("say says contain content contents text".split(" ").map(stem))

/**
 * Words that come before what to search for.
 *
 * @internal
 */
export const topicWords = set("about concerning regarding mentioning containing")

/**
 * Words that point back to something said before.
 *
 * @internal
 */
export const pronouns = set("it its that their them these this those")

const changingGroups = [
  "create add make new insert append register provision book schedule",
  "delete remove drop erase purge clear destroy uninstall",
  "update change edit modify set patch alter put replace adjust correct",
  "send email mail notify post publish message reply tweet announce",
  "restart reboot reload reset bounce",
  "start launch boot enable activate resume",
  "stop kill terminate shutdown disable deactivate pause suspend drain evict",
  "cancel abort revoke reject decline",
  "write save store overwrite",
  "move rename copy relocate",
  "book schedule reserve reschedule invite",
  "close reopen assign unassign escalate acknowledge approve merge",
  "deploy release rollback revert promote scale apply install upgrade migrate",
  "pay charge refund transfer buy order purchase sell",
  "upload import push commit trigger grant rotate",
  "run execute invoke"
].map((group) => group.split(" "))

/**
 * Verbs that ask for a change, each with the verbs that ask for the same kind of change.
 *
 * @internal
 */
export const changingVerbs: ReadonlyMap<string, ReadonlyArray<string>> = new Map(
  changingGroups.flat().map((verb) => [verb, changingGroups.filter((group) => group.includes(verb)).flat()])
)

/**
 * Changing verbs that are hardly ever used as nouns, so that they mean a change anywhere in a name.
 *
 * @internal
 */
export const plainChangingVerbs = set(`
  approve assign cancel create delete edit insert kill purge reboot remove rename restart send terminate uninstall update write`)

/**
 * Words that show that what is run only looks something up ("run query").
 *
 * @internal
 */
export const lookups = set("analysis check diagnostic lookup query report search select sql test")

/**
 * Words that describe or classify a thing and so are not the name of one ("the broken lamp", "lamp problems").
 *
 * @internal
 */
export const describingWords = set(`
  active affected available average bad best big broken busy certain cheap cold content contents correct corresponding count crashing
  current currently data default detail details different entire error errors existing failing failure failures fast final first
  following free full general good great healthy heavy high hot id identifier important info information issue issues items kind
  large largest last late latest least likely list long longest low main many matching missing name names newest next nice number
  numbers official old older oldest overall own particular pending previous problem problems public question recent recently related
  relevant remaining result results running short similar single size slow small smallest specific stale status stuck sum summary
  top total trouble type unhealthy unknown upcoming urgent valid value values various whole working worst wrong`)

/**
 * Words that say which or how many of the things found are wanted: no use as words to search for.
 *
 * @internal
 */
export const selectingWords = set(`
  available bottom count current first last latest list main many matching most name names newest next number oldest recent recently
  related relevant result results top total`)

/**
 * Stems of parameter and field names that need a noun beside them to say what they name.
 *
 * @internal
 */
export const genericNames: ReadonlySet<string> = new Set(
  "code handle id identifier key name no number ref reference slug title uid uuid value".split(" ").map(stem)
)

/**
 * Stems of names for how long something may take or is kept: not for the time a question is about.
 *
 * @internal
 */
export const delayNames: ReadonlySet<string> = new Set("expiry interval step timeout ttl wait".split(" ").map(stem))

/**
 * Words that join two values of one list.
 *
 * @internal
 */
export const connectors = set("and or plus versus vs")

/**
 * Words that may stand between the name of a parameter and its value.
 *
 * @internal
 */
export const linkWords = set("called equal equals id identifier is key name named no number of to was")

/**
 * Words that turn what follows them into its opposite.
 *
 * @internal
 */
export const negations = set("avoid don dont except exclude excluding hide never no non not omit skip without")

/**
 * Prepositions whose object may be the name of a thing ("in x").
 *
 * @internal
 */
export const locatingWords = set("at for from in near of on")

/**
 * Prepositions whose object may be a directory.
 *
 * @internal
 */
export const containingWords = set("below in inside under within")

/**
 * Objects of such prepositions that name nothing ("in detail").
 *
 * @internal
 */
export const adverbials = set(`
  advance case common concert depth detail english example fact fun future general hand home instance law moment monday month morning
  night order paper part particular past people person place practice principle progress purpose reality school short spite summer
  sure theory time total turn week weekend winter word work year`)

/**
 * Words that give the size of a list ("the top 5").
 *
 * @internal
 */
export const sizeWords = set("bottom first last latest limit max maximum most newest oldest recent top up")

/**
 * Words a size may count ("5 results").
 *
 * @internal
 */
export const countedWords = set("entries entry hits items lines matches records results rows")

/**
 * Which words of a question lead to the value of a parameter that bounds a range or a journey, by stems of its name.
 *
 * @internal
 */
export const leadingWords: ReadonlyMap<string, ReadonlyArray<string>> = new Map(
  [
    [["after", "begin", "from", "min", "since", "start"], ["from", "since", "after", "between", "starting"]],
    [["before", "end", "finish", "max", "until"], ["to", "until", "till", "before", "and", "ending"]],
    [["origin", "source", "src"], ["from"]],
    [["assignee", "dest", "destination", "receiver", "recipient", "target", "to"], ["to", "into"]]
  ].flatMap(([names = [], leads = []]) => names.map((name) => [stem(name), leads] as const))
)
