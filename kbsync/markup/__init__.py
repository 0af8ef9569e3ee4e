"""Markdown and Freshdesk's HTML: conversion, comparison, patches of live HTML and three-way merges of Markdown."""
