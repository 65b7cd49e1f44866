"""Any declared study, computed: a cohort and a declaration in, tables and pages out."""
