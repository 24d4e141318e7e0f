"""Sources of further metrics beside CloudWatch's (docs/analysis.md): what is asked over HTTP."""
