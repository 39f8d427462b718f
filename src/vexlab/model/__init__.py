"""Frozen values between stages."""
