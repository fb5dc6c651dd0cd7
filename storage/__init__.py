"""Where files lie: a folder of this machine, or a store that speaks S3. Rules know neither; they are handed `Files`."""
