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
    "keep_if": "stages.filters.predicate:KeepIf",
    "url_signals": "stages.filters.urls.signals:UrlSignals",
    "url_rules": "stages.filters.urls.rules:UrlRules",
    # heuristics: measure, then decide
    "gopher_signals": "stages.filters.gopher:GopherSignals",
    "gopher_rules": "stages.filters.gopher:GopherRules",
    "repetition_signals": "stages.filters.repetition:RepetitionSignals",
    "repetition_rules": "stages.filters.repetition:RepetitionRules",
    "fineweb_signals": "stages.filters.fineweb:FinewebSignals",
    "fineweb_rules": "stages.filters.fineweb:FinewebRules",
    "c4_lines": "stages.filters.c4:C4Lines",
    "c4_rules": "stages.filters.c4:C4Rules",
    "refinedweb_lines": "stages.filters.refinedweb:RefinedWebLines",
    "refinedweb_rules": "stages.filters.refinedweb:RefinedWebRules",
    "redpajama_signals": "stages.filters.redpajama:RedPajamaSignals",
    # the same text twice
    "exact_dedup": "stages.dedup.exact:ExactDedup",
    "minhash_dedup": "stages.dedup.minhash:MinhashDedup",
    "line_dedup": "stages.dedup.lines:LineDedup",
    "substring_dedup": "stages.dedup.substrings:SubstringDedup",
    "embed": "stages.identify.embed:Embed",
    "semantic_clusters": "stages.identify.clusters:SemanticClusters",
    "semantic_dedup": "stages.dedup.near:SemanticDedup",
    "rehydrate": "stages.dedup.rehydrate:Rehydrate",
    # documents -> training sequences
    "tokenize": "stages.tokens.tokenize:Tokenize",
    "pack": "stages.tokens.pack:Pack",
}
