"""Operators on documents. This table is the registry and the table of contents, in the order data flows."""

STAGES = {
    # bytes -> documents
    "warc": "stages.ingest.warc:Warc",
    "wet": "stages.ingest.warc:Wet",
    "wat": "stages.ingest.wat:Wat",
    "jsonl": "stages.ingest.jsonl:Jsonl",
    "parquet": "stages.ingest.parquet:Parquet",
    # markup -> text
    "extract_html": "stages.extract.html:ExtractHtml",
    "strip_markdown": "stages.extract.markdown:StripMarkdown",
    # what is it?
    "identify_language": "stages.identify.language:IdentifyLanguage",
    "keep_language": "stages.filters.language:KeepLanguage",
    "keep_sample": "stages.filters.sample:KeepSample",
    # heuristics: measure, then decide
    "gopher_signals": "stages.filters.gopher:GopherSignals",
    "gopher_rules": "stages.filters.gopher:GopherRules",
    # the same text twice
    "exact_dedup": "stages.dedup.exact:ExactDedup",
    "minhash_dedup": "stages.dedup.minhash:MinhashDedup",
    # documents -> training sequences
    "tokenize": "stages.tokens.tokenize:Tokenize",
    "pack": "stages.tokens.pack:Pack",
}
