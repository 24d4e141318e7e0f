"""CodePipeline and CodeBuild: pipelines that run, builds whose commands are carried out."""
