"""The functions that a query may call: those that compute from their arguments alone.

Left out is all that reads anything else (files, addresses, dictionaries, other tables, settings, the server's
state), that waits, that calls a language model, or that takes the name of a function or table as text.
"""

import re

_OPERATORS = """
and or not xor if multiIf caseWithExpression lambda exists grouping plus minus multiply divide intDiv
intDivOrZero modulo moduloOrZero mod positiveModulo negate abs equals notEquals less lessOrEquals greater
greaterOrEquals isDistinctFrom isNotDistinctFrom in notIn globalIn globalNotIn nullIn notNullIn like notLike
ilike notILike match array arrayElement tuple tupleElement untuple map concat _CAST CAST accurateCast
accurateCastOrNull accurateCastOrDefault toTypeName materialize identity isNull isNotNull isZeroOrNull
ifNull nullIf coalesce assumeNotNull toNullable firstNonDefault greatest least transform bar
"""
_NUMBERS = """
ceil ceiling floor round roundBankers roundDown roundDuration roundToExp2 trunc truncate exp exp2 exp10 log
log2 log10 log1p ln sqrt cbrt pow power sign sqr hypot sin cos tan asin acos atan atan2 sinh cosh tanh asinh
acosh atanh degrees radians pi e erf erfc sigmoid widthBucket gcd lcm max2 min2 avg2 isFinite isInfinite
isNaN ifNotFinite divideDecimal multiplyDecimal factorial rand rand32 rand64 randUniform bitAnd bitOr bitXor
bitNot bitShiftLeft bitShiftRight bitTest bitTestAll bitTestAny bitCount formatReadableSize
formatReadableQuantity formatReadableDecimalSize formatReadableTimeDelta cityHash64 sipHash64 sipHash128
xxHash32 xxHash64 xxh3 farmHash64 metroHash64 murmurHash2_32 murmurHash2_64 murmurHash3_32 murmurHash3_64
murmurHash3_128 intHash32 intHash64 halfMD5 MD5 SHA1 SHA224 SHA256 SHA512 CRC32
"""
_CONVERSIONS = """
toString toFixedString toStringCutToZero toBool toUUID toUUIDOrNull toUUIDOrZero toLowCardinality toInt8
toInt16 toInt32 toInt64 toInt128 toInt256 toUInt8 toUInt16 toUInt32 toUInt64 toUInt128 toUInt256 toFloat32
toFloat64 toDecimal32 toDecimal64 toDecimal128 toDecimal256 toDecimalString toDate toDate32 toDateTime
toDateTime32 toDateTime64 toTime toInterval toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay
toIntervalWeek toIntervalMonth toIntervalQuarter toIntervalYear toIntervalMillisecond toIntervalMicrosecond
toIntervalNanosecond toIPv4 toIPv6 IPv4NumToString IPv4StringToNum isIPv4String isIPv6String
reinterpretAsUInt64 reinterpretAsInt64 reinterpretAsString hex unhex bin unbin char ascii generateUUIDv4
UUIDv7ToDateTime
"""
_CONVERSION_SUFFIXES = ("OrNull", "OrZero", "OrDefault")
_TIMES = """
now now64 today yesterday current_date current_timestamp timestamp date makeDate makeDateTime makeDateTime64
toYear toQuarter toMonth toWeek toISOWeek toISOYear toDayOfYear toDayOfMonth toDayOfWeek toHour toMinute
toSecond toMillisecond toMicrosecond year quarter month week day dayOfWeek dayOfMonth dayOfYear hour minute
second toStartOfYear toStartOfISOYear toStartOfQuarter toStartOfMonth toStartOfWeek toStartOfDay
toStartOfHour toStartOfMinute toStartOfSecond toStartOfFiveMinutes toStartOfFiveMinute toStartOfTenMinutes
toStartOfFifteenMinutes toStartOfInterval toStartOfMillisecond toMonday toLastDayOfMonth toLastDayOfWeek
toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss toYearWeek toUnixTimestamp toUnixTimestamp64Milli
toUnixTimestamp64Micro toUnixTimestamp64Nano toUnixTimestamp64Second fromUnixTimestamp
fromUnixTimestamp64Milli fromUnixTimestamp64Micro fromUnixTimestamp64Nano fromUnixTimestamp64Second
toRelativeYearNum toRelativeMonthNum toRelativeWeekNum toRelativeDayNum toRelativeHourNum
toRelativeMinuteNum toRelativeSecondNum dateTrunc date_trunc dateDiff date_diff timestampDiff timestamp_diff
age dateName monthName timeDiff addYears addQuarters addMonths addWeeks addDays addHours addMinutes
addSeconds addMilliseconds addMicroseconds subtractYears subtractQuarters subtractMonths subtractWeeks
subtractDays subtractHours subtractMinutes subtractSeconds subtractMilliseconds subtractMicroseconds addDate
subDate addInterval subtractInterval date_add date_sub dateAdd dateSub timestamp_add timestamp_sub
formatDateTime formatDateTimeInJodaSyntax DATE_FORMAT parseDateTime parseDateTimeOrNull parseDateTimeOrZero
parseDateTimeBestEffort parseDateTimeBestEffortOrNull parseDateTimeBestEffortOrZero parseDateTime64
parseDateTime64BestEffort parseDateTime64BestEffortOrNull parseDateTime64BestEffortOrZero toTimeZone
toTimezone timeZoneOffset timezoneOffset timeSlot timeSlots tumble tumbleStart tumbleEnd toDaysInMonth
LAST_DAY
"""
_TEXTS = """
length lengthUTF8 char_length character_length octet_length empty notEmpty reverse reverseUTF8 lower
lowerUTF8 lcase upper upperUTF8 ucase initcap initcapUTF8 repeat space leftPad leftPadUTF8 lpad rightPad
rightPadUTF8 rpad trim trimBoth trimLeft ltrim trimRight rtrim left leftUTF8 right rightUTF8 substring
substr mid substringUTF8 substringIndex substringIndexUTF8 concatWithSeparator concat_ws position
positionUTF8 positionCaseInsensitive positionCaseInsensitiveUTF8 locate instr countSubstrings
countSubstringsCaseInsensitive countMatches countMatchesCaseInsensitive startsWith startsWithUTF8 endsWith
endsWithUTF8 startsWithCaseInsensitive endsWithCaseInsensitive hasToken hasTokenCaseInsensitive
hasTokenOrNull hasTokenCaseInsensitiveOrNull hasAnyTokens hasAllTokens hasPhrase hasSubsequence
hasSubsequenceCaseInsensitive multiSearchAny multiSearchAnyCaseInsensitive multiSearchFirstIndex
multiSearchFirstPosition multiSearchAllPositions multiMatchAny multiMatchAnyIndex extract extractAll
extractAllGroups extractAllGroupsHorizontal extractAllGroupsVertical extractGroups regexpExtract replace
replaceOne replaceAll replaceRegexpOne replaceRegexpAll translate translateUTF8 format splitByChar
splitByString splitByRegexp splitByWhitespace splitByNonAlpha alphaTokens tokens ngrams arrayStringConcat
base64Encode base64Decode tryBase64Decode base64URLEncode base64URLDecode encodeURLComponent
decodeURLComponent isValidUTF8 toValidUTF8 isValidASCII normalizeUTF8NFC normalizeUTF8NFD normalizeQuery
normalizedQueryHash firstLine ngramDistance ngramSearch editDistance damerauLevenshteinDistance
jaroSimilarity jaroWinklerSimilarity soundex protocol domain domainWithoutWWW topLevelDomain path pathFull
queryString fragment port netloc extractURLParameter extractURLParameters extractURLParameterNames
cutQueryString cutFragment cutWWW JSONHas JSONLength JSONType JSONKey JSONExtract JSONExtractString
JSONExtractInt JSONExtractUInt JSONExtractFloat JSONExtractBool JSONExtractRaw JSONExtractArrayRaw
JSONExtractKeys JSONExtractKeysAndValues JSONExtractKeysAndValuesRaw JSON_EXISTS JSON_QUERY JSON_VALUE
JSONArrayLength isValidJSON toJSONString simpleJSONHas simpleJSONExtractString simpleJSONExtractInt
simpleJSONExtractUInt simpleJSONExtractFloat simpleJSONExtractBool simpleJSONExtractRaw visitParamHas
visitParamExtractString visitParamExtractInt visitParamExtractUInt visitParamExtractFloat
visitParamExtractBool visitParamExtractRaw
"""
_COLLECTIONS = """
arrayJoin arrayConcat arrayMap arrayFilter arrayExists arrayAll arrayCount arrayFirst arrayFirstIndex
arrayFirstOrNull arrayLast arrayLastIndex arrayLastOrNull arraySum arrayAvg arrayMin arrayMax arrayProduct
arrayCumSum arrayCumSumNonNegative arrayDifference arrayDistinct arrayUniq arrayCompact arrayEnumerate
arrayEnumerateDense arrayEnumerateUniq arrayFlatten arrayFold arrayIntersect arrayUnion arrayExcept
arrayPopBack arrayPopFront arrayPushBack arrayPushFront arrayResize arrayReverse arraySlice arraySort
arrayReverseSort arrayPartialSort arraySplit arrayReverseSplit arrayFill arrayReverseFill arrayZip
arrayZipUnaligned arrayWithConstant arrayElementOrNull arrayRotateLeft arrayRotateRight arrayShiftLeft
arrayShiftRight arrayJaccardIndex has hasAll hasAny hasSubstr indexOf countEqual range emptyArrayString
emptyArrayUInt64 mapKeys mapValues mapContains mapContainsKey mapContainsValue mapContainsKeyLike mapFilter
mapApply mapAdd mapSubtract mapConcat mapUpdate mapExists mapAll mapSort mapReverseSort mapFromArrays
mapExtractKeyLike tupleConcat tupleNames tuplePlus tupleMinus dotProduct flattenTuple
"""
_AGGREGATES = """
count sum sumWithOverflow sumKahan sumCount sumMap minMap maxMap sumMappedArrays minMappedArrays
maxMappedArrays avg avgWeighted min max any any_value anyLast anyHeavy first_value last_value argMin argMax
min_by max_by singleValueOrNull uniq uniqExact uniqCombined uniqCombined64 uniqHLL12 uniqUpTo median
medianExact medianTDigest medianTiming quantile quantiles quantileExact quantilesExact quantileExactLow
quantileExactHigh quantilesExactLow quantilesExactHigh quantileExactInclusive quantileExactExclusive
quantilesExactInclusive quantilesExactExclusive quantileTDigest quantilesTDigest quantileTiming
quantilesTiming quantileExactWeighted quantilesExactWeighted quantileTDigestWeighted
quantilesTDigestWeighted quantileInterpolatedWeighted quantilesInterpolatedWeighted quantileDD quantilesDD
quantileGK quantilesGK stddevPop stddevSamp varPop varSamp covarPop covarSamp corr STD STDDEV stddev_pop
stddev_samp var_pop var_samp skewPop skewSamp kurtPop kurtSamp entropy simpleLinearRegression groupArray
array_agg groupUniqArray groupArraySample groupArraySorted groupArrayMovingSum groupArrayMovingAvg
groupArrayLast groupConcat string_agg group_concat groupBitAnd groupBitOr groupBitXor topK topKWeighted
approx_top_k approx_top_sum approx_top_count histogram sparkbar sparkBar retention windowFunnel
sequenceMatch sequenceCount intervalLengthSum maxIntersections maxIntersectionsPosition deltaSum
deltaSumTimestamp exponentialMovingAverage exponentialTimeDecayedAvg exponentialTimeDecayedSum
exponentialTimeDecayedCount boundingRatio studentTTest welchTTest mannWhitneyUTest row_number rank
dense_rank denseRank percent_rank percentRank cume_dist ntile lag lead lagInFrame leadInFrame nth_value
nonNegativeDerivative
"""
_COMBINATORS = re.compile(r"(if|array|map|distinct|ornull|ordefault|foreach|argmin|argmax)$")


def _names(*texts: str) -> frozenset[str]:
    return frozenset(name.lower() for text in texts for name in text.split())


_with_suffixes = [name + suffix for name in _CONVERSIONS.split() for suffix in ("", *_CONVERSION_SUFFIXES)]
_PLAIN = _names(_OPERATORS, _NUMBERS, " ".join(_with_suffixes), _TIMES, _TEXTS, _COLLECTIONS)
_AGGREGATING = _names(_AGGREGATES)


def is_allowed(name: str) -> bool:
    """Whether a function may be called; the case of names does not matter, as in much of ClickHouse."""
    lowered = name.lower()
    if lowered in _PLAIN:
        return True
    while lowered not in _AGGREGATING:
        shorter = _COMBINATORS.sub("", lowered)
        if shorter == lowered:
            return False
        lowered = shorter
    return True
