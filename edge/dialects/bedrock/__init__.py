"""AWS Bedrock's Converse, as a provider's dialect."""
