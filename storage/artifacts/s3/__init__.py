"""Artifacts in a bucket of S3, or of what speaks its protocol."""

from storage.artifacts.s3.bucket import Bucket, BucketOptions
from storage.artifacts.s3.store import S3Artifacts

__all__ = ["Bucket", "BucketOptions", "S3Artifacts"]
